"""What one lesson alone needs: classic methods, baselines, a recognizer, probes, benches."""
