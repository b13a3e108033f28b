"""Inside slide decks: shapes, charts and notes as text, and each slide as a picture."""
