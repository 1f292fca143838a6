"""The engine process: torch, the model and the device live in a child of the window.

``client.EngineClient`` starts the child and talks to it, ``server`` is what runs inside it,
``protocol`` is what both agree on. Importing the client never imports torch.
"""
