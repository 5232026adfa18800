"""How `sounds/` and `models/` were made: the corpus builder, the two recipes and the evaluation."""
