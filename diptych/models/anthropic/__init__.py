"""Claude, from Anthropic, Vertex AI or Amazon Bedrock. The only importer of `anthropic`."""
