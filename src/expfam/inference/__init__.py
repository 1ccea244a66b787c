"""Functions of a fit: covariances, tests, intervals, prediction."""
