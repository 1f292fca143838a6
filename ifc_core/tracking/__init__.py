"""Clip-level instance tracking (paper section 3.3), streaming and in bounded memory."""
