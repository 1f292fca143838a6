"""Training: matching and losses, the trainer, one-click fine-tuning."""
