"""Text -> terms -> columns: a formula is data, interpreted by listed functions only, never run as code."""
