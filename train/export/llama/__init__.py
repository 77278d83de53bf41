"""GGUF files: llama.cpp's converter and quantizer, its servers, and Ollama's Modelfile."""
