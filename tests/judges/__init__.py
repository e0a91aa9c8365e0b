"""Programs of others that judge the API's documents and the pages: `make judges`."""
