"""What makes a book of the lessons: running them, linking them, checking them."""
