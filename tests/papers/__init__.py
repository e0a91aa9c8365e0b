"""Papers: certificates and transcripts as PDF, read with pypdf, their look, and links to certificates."""
