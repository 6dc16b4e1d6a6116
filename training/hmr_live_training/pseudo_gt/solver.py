"""The optimiser: coarse stages for several initialisations, fine stages for the best one."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hmr_live_training.models.rotations import matrix_from_6d, sixd_from_matrix
from hmr_live_training.pseudo_gt.bank import PoseBank
from hmr_live_training.pseudo_gt.bodies import Bodies, join_bodies
from hmr_live_training.pseudo_gt.energy import FitEnergy
from hmr_live_training.pseudo_gt.fit_config import FitConfig, Stage
from hmr_live_training.pseudo_gt.observations import Observations


class Solver:
    """Fits batches of people.

    Parameters
    ----------
    energy
        What is minimised.
    bank
        Where fits start.
    config
        Stages and rates.
    """

    def __init__(self, energy: FitEnergy, bank: PoseBank, config: FitConfig) -> None:
        self.energy = energy.requires_grad_(False)
        self.bank = bank
        self.config = config

    def fit(self, seen: Observations) -> Bodies:
        """Fit N people."""
        best = self.coarse(seen)
        for stage in self.config.last:
            best = self.descend(best, seen, stage)
        return best

    def coarse(self, seen: Observations) -> Bodies:
        """The start whose coarse fit has the least energy, fitted coarsely."""
        starts = self.bank.starts(seen)
        everybody = join_bodies(starts)
        repeated = Observations(*(part.repeat(len(starts), 1, 1) for part in seen))
        for stage in self.config.first:
            everybody = self.descend(everybody, repeated, stage)
        judged = self.config.first[-1]
        with torch.no_grad():
            scale = everybody.camera[:, 0].reshape(len(starts), -1).median(dim=0).values
            energy = self.energy(
                everybody, repeated, scale.repeat(len(starts)), judged.robust, judged.prior
            )
        people = len(seen.labels)
        number = energy.reshape(len(starts), people).argmin(dim=0)
        return everybody.at(number * people + torch.arange(people))

    def descend(self, bodies: Bodies, seen: Observations, stage: Stage) -> Bodies:
        """One stage of Adam; every person is independent of the others."""
        return self._descend(bodies, seen, stage, [])

    def calibrate(self, seen: Observations) -> Bodies:
        """Learn the landmarks' corrections, shared by all, from people with good evidence."""
        correction = self.energy.body.correction
        correction.zero_()
        bodies = self.coarse(seen)
        correction.requires_grad_(True)
        try:
            for stage in self.config.last:
                bodies = self._descend(bodies, seen, stage, [correction])
        finally:
            correction.requires_grad_(False)
        return bodies

    def _descend(
        self, bodies: Bodies, seen: Observations, stage: Stage, shared: list[Tensor]
    ) -> Bodies:
        scale = bodies.camera[:, 0].clone()
        root = bodies.pose[:, :1].clone().requires_grad_(True)
        limbs = bodies.pose[:, 1:].clone().requires_grad_(stage.body)
        betas = bodies.betas.clone().requires_grad_(stage.body)
        # The camera in units of the body: log scale and metres, so that one rate fits all.
        camera = torch.zeros_like(bodies.camera).requires_grad_(True)

        def current() -> Bodies:
            size = (scale * camera[:, 0].exp())[:, None]
            place = bodies.camera[:, 1:] + scale[:, None] * camera[:, 1:]
            return Bodies(torch.cat([root, limbs], 1), betas, torch.cat([size, place], 1))

        own = [p for p in (root, limbs, betas, camera) if p.requires_grad]
        groups = [{"params": own, "lr": stage.learning_rate}]
        if shared:
            groups.append({"params": shared, "lr": self.config.calibration_rate})
        optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda n: 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * n / stage.steps))
        )
        for _ in range(stage.steps):
            energy = self.energy(current(), seen, scale, stage.robust, stage.prior).sum()
            for correction in shared:
                price = (correction / self.config.calibration_sigma) ** 2
                energy = energy + 0.5 * self.config.calibration_price * len(scale) * price.sum()
            optimiser.zero_grad(set_to_none=True)
            energy.backward()
            optimiser.step()
            schedule.step()
        with torch.no_grad():
            found = current()
            pose = sixd_from_matrix(matrix_from_6d(found.pose))
            return Bodies(pose, found.betas.clone(), found.camera)
