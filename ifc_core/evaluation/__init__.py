"""How good masks and tracks are: YouTube-VIS AP, region J, boundary F, identity switches."""
