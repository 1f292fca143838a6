"""What ``ifc-studio bench`` runs: figures as JSON-ready dictionaries, each with its baseline."""
