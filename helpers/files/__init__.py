"""What comes from outside and may be damaged: sound files, containers, checkpoints."""
