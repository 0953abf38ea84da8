"""The manifests are what a cluster would take: by KubeRay's and Kubernetes' own schemas, and by our own commands."""

from __future__ import annotations

import importlib
import json
import math
import re
import shlex

import jsonschema
import pytest
import yaml
from ray.serve.config import AutoscalingConfig

from serve.app import MODEL_APPLICATION, model
from serve.arguments import FrontArguments, ModelArguments
from serve.asking import CALLS_AT_ONCE
from tests.infra.commands import check_arguments
from tests.infra.manifests import FOLDERS, KUBERNETES, ROOT, every_object, pod_specs, ray_schema, rendered
from tests.serve.deployment import arguments_of

JOBS = [folder for folder in FOLDERS if folder.startswith("jobs")]
ENDPOINTS = ["service", "service-gpu"]
KUBERNETES_VERSION = "1.32"


@pytest.mark.parametrize("folder", FOLDERS)
def test_objects_fit_the_schemas_of_the_cluster(folder, shared):
    import kubernetes_validate

    for thing in rendered(folder):
        if thing["apiVersion"] == "ray.io/v1":
            jsonschema.Draft202012Validator(ray_schema(shared / "kuberay-crds", thing["kind"])).validate(thing)
        else:
            kubernetes_validate.validate(thing, KUBERNETES_VERSION, strict=True)


def test_unknown_fields_are_refused(shared):
    (job,) = (dict(thing) for thing in rendered("jobs/train"))
    schema = ray_schema(shared / "kuberay-crds", "RayJob")
    job["spec"] = json.loads(json.dumps(job["spec"]))
    job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["nodeselector"] = {}
    with pytest.raises(jsonschema.ValidationError, match="nodeselector"):
        jsonschema.Draft202012Validator(schema).validate(job)


@pytest.mark.parametrize("folder", JOBS)
def test_jobs_run_commands_that_exist_with_arguments_that_they_have(folder):
    (job,) = rendered(folder)
    python, module_flag, module, *arguments = shlex.split(job["spec"]["entrypoint"])
    assert (python, module_flag) == ("python", "-m")
    check_arguments(module, arguments)
    assert "--resume" in arguments, "a job that is started again has to go on"


@pytest.mark.parametrize("folder", JOBS)
def test_a_job_has_as_many_gpus_as_it_asks_for(folder):
    (job,) = rendered(folder)
    (group,) = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert ("nvidia.com/gpu" in limits) == folder.startswith("jobs-gpu")
    asked = re.findall(r"--(?:workers|actors|detectors) (\d+)", job["spec"]["entrypoint"])
    assert all(int(number) <= group["maxReplicas"] for number in asked)


def service_of(folder: str) -> dict:
    (service,) = (thing for thing in rendered(folder) if thing["kind"] == "RayService")
    return service


@pytest.mark.parametrize("folder", ENDPOINTS)
def test_the_endpoint_is_made_of_applications_that_exist(folder):
    from ray.serve.schema import ServeDeploySchema

    config = ServeDeploySchema.model_validate(yaml.safe_load(service_of(folder)["spec"]["serveConfigV2"]))
    assert [application.route_prefix for application in config.applications] == ["/", None]
    for application in config.applications:
        assert set(application.args) <= set(arguments_of(application.import_path).model_fields)
        for deployment in application.deployments:
            snake = re.sub(r"(?<!^)(?=[A-Z])", "_", deployment.name).lower()
            assert hasattr(importlib.import_module(f"serve.{snake}"), deployment.name)


def applications_of(config: str) -> dict[str, dict]:
    return {application["name"]: application for application in yaml.safe_load(config)["applications"]}


def scaling_of(application: dict) -> dict[str, AutoscalingConfig]:
    """Of each deployment, as the builder sets it."""
    overridden = [one["name"] for one in application.get("deployments", []) if "autoscaling_config" in one]
    assert not overridden, "Serve takes nothing of the builder's then"
    parts = model(ModelArguments(**application["args"] | {"model": "phantom"}))._bound_deployment.init_args
    deployments = [part._bound_deployment for part in parts]
    return {one.name: one._deployment_config.autoscaling_config for one in deployments}


@pytest.mark.parametrize("endpoint", [*ENDPOINTS, "serve.yaml"])
def test_questions_alone_can_ask_for_every_replica(endpoint):
    file = ROOT / "infra" / endpoint
    config = service_of(endpoint)["spec"]["serveConfigV2"] if endpoint in ENDPOINTS else file.read_text("utf-8")
    applications = applications_of(config)
    calls = FrontArguments(**applications["chex-ray"]["args"]).shards * CALLS_AT_ONCE
    scaling = scaling_of(applications[MODEL_APPLICATION])
    assert {name: one.max_replicas for name, one in scaling.items()} == {"PromptDetector": 4, "SentenceGenerator": 8}
    for one in scaling.values():
        assert one.min_replicas == 1
        assert math.ceil(calls / one.target_ongoing_requests) >= one.max_replicas


@pytest.mark.parametrize("folder", ENDPOINTS)
def test_detectors_and_generators_have_pods_of_their_own_for_every_replica(folder):
    service = service_of(folder)
    applications = applications_of(service["spec"]["serveConfigV2"])
    deployments = [deployment for one in applications.values() for deployment in one.get("deployments", [])]
    scaling = scaling_of(applications[MODEL_APPLICATION])
    assert [deployment["name"] for deployment in deployments] == ["PromptDetector", "SentenceGenerator"]
    groups = {}
    for group in service["spec"]["rayClusterConfig"]["workerGroupSpecs"]:
        offered = json.loads(json.loads(group["rayStartParams"]["resources"]))
        groups |= {name: (group["maxReplicas"], group["template"]["spec"]["containers"][0]) for name in offered}
    for deployment in deployments:
        options = deployment["ray_actor_options"]
        (resource,) = options["resources"]
        pods, container = groups[resource]
        assert pods >= scaling[deployment["name"]].max_replicas
        assert options["num_cpus"] <= int(container["resources"]["requests"]["cpu"])
        assert options.get("num_gpus", 0) == int(container["resources"]["limits"].get("nvidia.com/gpu", 0))


def test_pods_run_as_nobody_in_particular_and_may_not_become_root():
    seen = 0
    for folder, thing in every_object():
        for pod in pod_specs(thing):
            seen += 1
            assert pod["securityContext"]["runAsNonRoot"] is True, folder
            for container in pod["containers"]:
                assert container["securityContext"]["allowPrivilegeEscalation"] is False, folder
                assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, folder
                assert container["resources"]["requests"].keys() == {"cpu", "memory"}, folder
                assert "memory" in container["resources"]["limits"], folder
    assert seen > 10


def test_what_is_secret_comes_from_secrets_that_the_readme_names():
    told = set(re.findall(r"create secret generic (\S+)", (KUBERNETES / "README.md").read_text(encoding="utf-8")))
    named = set()
    for _, thing in every_object():
        assert thing["kind"] != "Secret"
        text = json.dumps(thing)
        named |= set(re.findall(r'"(?:secretRef|secretKeyRef)": \{[^}]*"name": "([^"]+)"', text))
        named |= set(re.findall(r'"secretName": "([^"]+)"', text))
        for pod in pod_specs(thing):
            for variable in (v for c in pod["containers"] for v in c.get("env", []) if "value" in v):
                assert not re.search("PASSWORD|SECRET|TOKEN|KEY", variable["name"]), variable["name"]
    assert named == told


def test_ray_asks_for_a_token_everywhere():
    clusters = [
        thing["spec"].get("rayClusterSpec") or thing["spec"]["rayClusterConfig"]
        for _, thing in every_object()
        if thing["apiVersion"] == "ray.io/v1"
    ]
    (version,) = re.findall(r"^ray==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    for cluster in clusters:
        assert cluster["authOptions"] == {"mode": "token"}
        assert cluster["rayVersion"] == version
        assert cluster["enableInTreeAutoscaling"] and cluster["autoscalerOptions"]["version"] == "v2"


def test_every_pod_is_behind_a_network_policy_that_lets_in_named_neighbours_only():
    policies = [thing["spec"] for thing in rendered("network")]
    assert {"podSelector": {}, "policyTypes": ["Ingress"]} in policies
    for policy in policies:
        for rule in policy.get("ingress", []):
            assert rule["from"]
            within = all("podSelector" in source for source in rule["from"])
            assert within or rule["ports"], "whoever is of another namespace reaches named ports only"
