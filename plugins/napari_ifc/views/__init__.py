"""Qt widgets that show what they are given and say what was asked of them."""
