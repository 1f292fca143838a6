"""From frames to tracks: settings, clip plans, prediction, estimates and corrections."""
