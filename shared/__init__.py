"""What coordinator and worker must agree on: wire models, states, fingerprints, judgement."""
