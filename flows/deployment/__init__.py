"""What a Prefect server knows of Diptych: deployments, blocks, Variables, automations and limits."""
