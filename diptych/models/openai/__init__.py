"""OpenAI models and servers that speak the OpenAI API. The only importer of `openai`."""
