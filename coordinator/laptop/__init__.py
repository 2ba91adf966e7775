"""A whole swarm on one machine: what ``swarmlab up`` runs."""
