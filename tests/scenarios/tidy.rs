//! What must stay true of the house itself: arrows, names, documents.
