"""Problems of one's own: files anywhere on disk, guarded, with versions."""
