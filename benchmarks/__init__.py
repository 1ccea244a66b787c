"""Speed, memory and accuracy, each table by one command: `python -m benchmarks [problem ...]`."""
