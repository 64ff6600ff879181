"""What is written: documents in LaTeX, HTML and Markdown, pictures, and NumPy source."""
