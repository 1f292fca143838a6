"""What the window does, without Qt: state, decisions and the calls into the engine."""
