"""What a fit can say about itself."""
