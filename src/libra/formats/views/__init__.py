"""What pages of the site show of reports, as plain data: figures, charts, two reports side by side."""
