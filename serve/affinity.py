"""Questions about an image go to the detector replica that has encoded it."""

from __future__ import annotations

from ray.serve.request_router import PendingRequest, RequestRouter, RunningReplica


class ShardRouter(RequestRouter):
    """The handle's `session_id` is the number of a shard of images; each replica has its shards, the others stand in.

    Which replica that is follows from the replicas alone: routers of several processes agree without talking, an upload
    has a place at once, and a replica that is new or gone only moves shards, whose images are then encoded again.
    """

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Every replica, one a rank, the shard's own first."""
        if pending_request is None:
            return [candidate_replicas]
        pending_request.routing_context.should_backoff = True  # wait a little where all are full
        replicas = sorted(candidate_replicas, key=lambda replica: replica.replica_id.unique_id)
        own = int(pending_request.metadata.session_id or 0) % max(1, len(replicas))
        return [[replica] for replica in (*replicas[own:], *replicas[:own])]
