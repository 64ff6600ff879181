"""Closed forms, Jacobians and theorems in the documents of single layers."""

from __future__ import annotations

import pytest

import symcnn as sc
from symcnn.render.document import Document
from symcnn.render.document_model import Block, Check, Evidence, Section

SOFTMAX = "p[n,k] = exp(z[n,k])/sum[l](exp(z[n,l]))"


def checks(blocks: tuple[Block, ...]) -> list[Check]:
    found: list[Check] = []
    for block in blocks:
        if isinstance(block, Section):
            found += checks(block.blocks)
        elif isinstance(block, Evidence):
            found += block.checks
    return found


@pytest.fixture(scope="module")
def batch_norm() -> Document:
    return sc.derive("batch_norm2d")


def test_a_batch_norm_has_both_forms_and_its_theorem(batch_norm: Document) -> None:
    page = batch_norm.to_markdown()
    closed = page[page.index("## Closed forms") : page.index("## What follows")]
    assert closed.count(r"\boxed") == 2
    assert "Its sums are the gradients of the parameters" in closed
    assert r"\text{put in the gradient of m}" in closed
    assert r"\sum_{n,i,j} \frac{\partial L}{\partial x_{n,c,i,j}} = 0" in page
    assert "a bias for each" in page


def test_all_evidence_of_a_batch_norm_agrees(batch_norm: Document) -> None:
    found = checks(batch_norm.sections)
    assert len(found) > 20
    assert all(check.agrees for check in found)
    assert any("the second form" in str(check.detail) for check in found)


def test_a_softmax_has_its_jacobian_and_its_invariance() -> None:
    page = sc.derive("softmax").to_markdown()
    assert r"a_{n,k} \, (\delta_{k,m} - a_{n,m}) \, \delta_{n,l}" in page
    assert r"\sum_{k=0}^{K-1} a_{n,k} = 1" in page
    assert r"\sum_{m=0}^{K-1} \frac{\partial L}{\partial x_{n,m}} = 0" in page


def test_softmax_with_cross_entropy_is_a_difference() -> None:
    made = sc.layer(
        SOFTMAX + "\nL = mean[n](-sum[k](where(t[n] == k, log(p[n,k]), 0)))", {"z": "N,K", "t": "N"}
    )
    page = sc.derive(made).to_markdown()
    assert r"\frac{1}{N} \, (p_{n,l} - \mathbf{1}[t_{n} = l])" in page
    assert "is a label, one of 0 to" in page


@pytest.mark.parametrize("name", ["layer_norm", "log_softmax", "local_response_norm", "cross_entropy"])
def test_documents_of_standard_layers(name: str) -> None:
    page = sc.derive(name)
    assert all(check.agrees is not False for check in checks(page.sections))
    for text in (page.to_markdown(), page.to_latex(), page.to_html()):
        assert len(text) > 1000


def test_a_layer_without_reductions_has_no_results() -> None:
    page = sc.derive("sigmoid").to_markdown()
    assert "## Closed forms" not in page
    assert "## What follows" not in page
    assert "Kinks" not in page
