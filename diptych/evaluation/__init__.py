"""Which kind of retrieval works on one's own documents: questions with known answers, put to every arm of search."""
