"""Logs inside other logs: documents, exports, journals and lines of shippers, read as what they carry is bare."""
