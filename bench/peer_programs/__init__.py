"""Programs that run in the environments of peers, each with the packages of one peer and nothing of Diptych."""
