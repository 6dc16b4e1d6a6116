"""The HMR network in torch: backbones, regressor, refinement, body, discriminators, losses."""
