"""Models of others in and ours out: Hugging Face folders, GGUF files, CTranslate2. No training."""
