"""Shapes of tokens that their vendors make recognizable. Data, written by `tests/secret_shapes.py`.

From the rules of gitleaks (config/gitleaks.toml, commit b58d3f102cf3a2c84cb7f923d05c25c9b1aed84b),
https://github.com/gitleaks/gitleaks, under the MIT License:

Copyright (c) 2019 Zachary Rice

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to
permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of
the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT,
TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""

from typing import NamedTuple


class SecretShape(NamedTuple):
    """Shape of one kind of secret: every match of `pattern` contains one of the `literals`."""

    literals: tuple[str, ...]
    pattern: str

    @property
    def ignores_case(self) -> bool:
        """The literals are in lower case, and so must be the text in which they are searched."""
        return self.pattern.startswith("(?i:")


SHAPES = (
    SecretShape(("4b1d",), r"\b(4b1d[A-Za-z0-9]{38})\b"),
    SecretShape(
        ("A3-",),
        r"\bA3-[A-Z0-9]{6}-(?:(?:[A-Z0-9]{11})|(?:[A-Z0-9]{6}-[A-Z0-9]{5}))-[A-Z0-9]{5}-[A-Z0-9]{5}-" r"[A-Z0-9]{5}\b",
    ),
    SecretShape(("A3T", "AKIA", "ASIA", "ABIA", "ACCA"), r"\b((?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b"),
    SecretShape(("ABSK",), r"\b(ABSK[A-Za-z0-9+/]{109,269}={0,2})(?![A-Za-z0-9])"),
    SecretShape(("AGE-SECRET-KEY-1",), r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}[\w-]*"),
    SecretShape(("AIza",), r"\b(AIza[\w-]{35})(?![A-Za-z0-9])"),
    SecretShape(("AKCp",), r"\bAKCp[A-Za-z0-9]{69}\b"),
    SecretShape(("API-",), r"\b(API-[A-Z0-9]{26})(?![A-Za-z0-9])"),
    SecretShape(("EAAM", "EAAC"), r"\b(EAA[MC](?i:[a-z0-9]{100,}))(?![A-Za-z0-9])"),
    SecretShape(("EZAK",), r"\bEZAK(?i:[a-z0-9]{54}\b)"),
    SecretShape(("EZTK",), r"\bEZTK(?i:[a-z0-9]{54}\b)"),
    SecretShape(("FLWSECK_TEST",), r"FLWSECK_TEST-(?i:[a-h0-9]{32}-X)[\w-]*"),
    SecretShape(("FLWSECK_TEST",), r"FLWSECK_TEST-(?i:[a-h0-9]{12})[\w-]*"),
    SecretShape(("GR1348941",), r"GR1348941[\w-]{20}[\w-]*"),
    SecretShape(("HRKU-AA",), r"\b((HRKU-AA[0-9a-zA-Z_-]{58}))(?![A-Za-z0-9])"),
    SecretShape(("LTAI",), r"\b(LTAI(?i:[a-z0-9]{20}))(?![A-Za-z0-9])"),
    SecretShape(("PMAK-",), r"\b(PMAK-(?i:[a-f0-9]{24}\-[a-f0-9]{34}))(?![A-Za-z0-9])"),
    SecretShape(("Q~",), r"(?<![\w~.-])\w[\w~.]{2}\dQ~[\w~.-]{31,34}(?![\w~-])"),
    SecretShape(("SG.",), r"\b(SG\.(?i:[a-z0-9=_\-\.]{66}))(?![A-Za-z0-9])"),
    SecretShape(("SK",), r"SK[0-9a-fA-F]{32}[\w-]*"),
    SecretShape(
        ("T3BlbkFJ",),
        r"\b(sk-(?:proj|svcacct|admin)-(?:[A-Za-z0-9_-]{74}|[A-Za-z0-9_-]{58})T3BlbkFJ(?:[A-Za-z0-9_"
        r"-]{74}|[A-Za-z0-9_-]{58})\b|sk-[a-zA-Z0-9]{20}T3BlbkFJ[a-zA-Z0-9]{20})(?![A-Za-z0-9])",
    ),
    SecretShape(("_gitlab_session=",), r"_gitlab_session=[0-9a-z]{32}[\w-]*"),
    SecretShape(("_mmk",), r"\b([A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk)(?![A-Za-z0-9])"),
    SecretShape(("api_org_",), r"\b(api_org_(?i:[a-z]{34}))(?![A-Za-z0-9])"),
    SecretShape(("atlasv1",), r"(?i:[a-z0-9]{14}\.(?-i:atlasv1)\.[a-z0-9\-_=]{60,70})[\w-]*"),
    SecretShape(("clojars_",), r"(?i:CLOJARS_[a-z0-9]{60})[\w-]*"),
    SecretShape(("cmVmd",), r"\bcmVmd[A-Za-z0-9]{59}\b"),
    SecretShape(("dapi",), r"\b(dapi[a-f0-9]{32}(?:-\d)?)(?![A-Za-z0-9])"),
    SecretShape(("doo_v1_",), r"\b(doo_v1_[a-f0-9]{64})(?![A-Za-z0-9])"),
    SecretShape(("dop_v1_",), r"\b(dop_v1_[a-f0-9]{64})(?![A-Za-z0-9])"),
    SecretShape(("dor_v1_",), r"(?i:\b(dor_v1_[a-f0-9]{64}))(?![A-Za-z0-9])"),
    SecretShape(("dp.pt.",), r"dp\.pt\.(?i:[a-z0-9]{43})[\w-]*"),
    SecretShape(("dt0c01.",), r"dt0c01\.(?i:[a-z0-9]{24}\.[a-z0-9]{64})[\w-]*"),
    SecretShape(("duffel_",), r"duffel_(?:test|live)_(?i:[a-z0-9_\-=]{43})[\w-]*"),
    SecretShape(("eyjrijoi",), r"(?i:\b(eyJrIjoi[A-Za-z0-9]{70,400}={0,3}))(?![A-Za-z0-9])"),
    SecretShape(("fio-u-",), r"fio-u-(?i:[a-z0-9\-_=]{64})[\w-]*"),
    SecretShape(
        ("fo1_", "fm1", "fm2_"),
        r"\b((?:fo1_[\w-]{43}|fm1[ar]_[a-zA-Z0-9+\/]{100,}={0,3}|fm2_[a-zA-Z0-9+\/]{100,}={0,3}))(?!" r"[A-Za-z0-9])",
    ),
    SecretShape(("glagent-",), r"glagent-[0-9a-zA-Z_\-]{50}[\w-]*"),
    SecretShape(("glc_",), r"(?i:\b(glc_[A-Za-z0-9+/]{32,400}={0,3}))(?![A-Za-z0-9])"),
    SecretShape(("glcbt-",), r"glcbt-[0-9a-zA-Z]{1,5}_[0-9a-zA-Z_-]{20}[\w-]*"),
    SecretShape(("gldt-",), r"gldt-[0-9a-zA-Z_\-]{20}[\w-]*"),
    SecretShape(("glffct-",), r"glffct-[0-9a-zA-Z_\-]{20}[\w-]*"),
    SecretShape(("glft-",), r"glft-[0-9a-zA-Z_\-]{20}[\w-]*"),
    SecretShape(("glimt-",), r"glimt-[0-9a-zA-Z_\-]{25}[\w-]*"),
    SecretShape(("gloas-",), r"gloas-[0-9a-zA-Z_\-]{64}[\w-]*"),
    SecretShape(("glptt-",), r"glptt-[0-9a-f]{40}[\w-]*"),
    SecretShape(("glrt-",), r"\bglrt-t\d_[0-9a-zA-Z_\-]{27,300}\.[0-9a-z]{2}[0-9a-z]{7}\b"),
    SecretShape(("glrt-",), r"glrt-[0-9a-zA-Z_\-]{20}[\w-]*"),
    SecretShape(("glsa_",), r"(?i:\b(glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}))(?![A-Za-z0-9])"),
    SecretShape(("glsoat-",), r"glsoat-[0-9a-zA-Z_\-]{20}[\w-]*"),
    SecretShape(("hf_",), r"\b(hf_(?i:[a-z]{34}))(?![A-Za-z0-9])"),
    SecretShape(("hvb.",), r"\b(hvb\.[\w-]{138,300})(?![A-Za-z0-9])"),
    SecretShape(("ico-",), r"\b(ico-[a-zA-Z0-9]{32})(?![A-Za-z0-9])"),
    SecretShape(("lin_api_",), r"lin_api_(?i:[a-z0-9]{40})[\w-]*"),
    SecretShape(("npm_",), r"(?i:\b(npm_[a-z0-9]{36}))(?![A-Za-z0-9])"),
    SecretShape(("ntn_",), r"\b(ntn_[0-9]{11}[A-Za-z0-9]{32}[A-Za-z0-9]{3})(?![A-Za-z0-9])"),
    SecretShape(("ops_",), r"ops_eyJ[a-zA-Z0-9+/]{250,}={0,3}[\w-]*"),
    SecretShape(("p8e-",), r"\b(p8e-(?i:[a-z0-9]{32}))(?![A-Za-z0-9])"),
    SecretShape(("pat.", "sat."), r"(?:pat|sat)\.[a-zA-Z0-9_-]{22}\.[a-zA-Z0-9]{24}\.[a-zA-Z0-9]{20}[\w-]*"),
    SecretShape(("pnu_",), r"\b(pnu_[a-zA-Z0-9]{36})(?![A-Za-z0-9])"),
    SecretShape(("pplx-",), r"\b(pplx-[a-zA-Z0-9]{48})(?![A-Za-z0-9])"),
    SecretShape(("pscale_oauth_",), r"\b(pscale_oauth_[\w=\.-]{32,64})(?![A-Za-z0-9])"),
    SecretShape(("pscale_pw_",), r"(?i:\b(pscale_pw_(?i:[\w=\.-]{32,64})))(?![A-Za-z0-9])"),
    SecretShape(("pscale_tkn_",), r"\b(pscale_tkn_(?i:[\w=\.-]{32,64}))(?![A-Za-z0-9])"),
    SecretShape(("pul-",), r"\b(pul-[a-f0-9]{40})(?![A-Za-z0-9])"),
    SecretShape(("pypi-AgEIcHlwaS5vcmc",), r"pypi-AgEIcHlwaS5vcmc[\w-]{50,1000}[\w-]*"),
    SecretShape(("rdme_",), r"\b(rdme_[a-z0-9]{70})(?![A-Za-z0-9])"),
    SecretShape(("rubygems_",), r"\b(rubygems_[a-f0-9]{48})(?![A-Za-z0-9])"),
    SecretShape(("s-s4t2ud-", "s-s4t2af-"), r"\b(s-s4t2(?:ud|af)-(?i:[abcdef0123456789]{64}))(?![A-Za-z0-9])"),
    SecretShape(
        ("sc_", "ext_", "scauth_", "authress_"),
        r"\b((?:sc|ext|scauth|authress)_(?i:[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.(?-i:acc)[_-][a-z0-9-]{10"
        r",32}\.[a-z0-9+/_=-]{30,120}))(?![A-Za-z0-9])",
    ),
    SecretShape(("sha256~",), r"\b(sha256~[\w-]{43})(?![A-Za-z0-9])"),
    SecretShape(("shippo_",), r"\b(shippo_(?:live|test)_[a-fA-F0-9]{40})(?![A-Za-z0-9])"),
    SecretShape(("shpat_",), r"shpat_[a-fA-F0-9]{32}[\w-]*"),
    SecretShape(("shpca_",), r"shpca_[a-fA-F0-9]{32}[\w-]*"),
    SecretShape(("shppa_",), r"shppa_[a-fA-F0-9]{32}[\w-]*"),
    SecretShape(("shpss_",), r"shpss_[a-fA-F0-9]{32}[\w-]*"),
    SecretShape(("sk-ant-admin01",), r"\b(sk-ant-admin01-[a-zA-Z0-9_\-]{93}AA)(?![A-Za-z0-9])"),
    SecretShape(("sk-ant-api03",), r"\b(sk-ant-api03-[a-zA-Z0-9_\-]{93}AA)(?![A-Za-z0-9])"),
    SecretShape(
        ("sk_test", "sk_live", "sk_prod", "rk_test", "rk_live", "rk_prod"),
        r"\b((?:sk|rk)_(?:test|live|prod)_[a-zA-Z0-9]{10,99})(?![A-Za-z0-9])",
    ),
    SecretShape(("sm_aat",), r"\b(sm_aat_[a-zA-Z0-9]{16})(?![A-Za-z0-9])"),
    SecretShape(("sm_pat",), r"\b(sm_pat_[a-zA-Z0-9]{16})(?![A-Za-z0-9])"),
    SecretShape(("sm_sat",), r"\b(sm_sat_[a-zA-Z0-9]{16})(?![A-Za-z0-9])"),
    SecretShape(
        ("sntrys_eyJpYXQiO",),
        r"\bsntrys_eyJpYXQiO[a-zA-Z0-9+/]{10,200}(?:LCJyZWdpb25fdXJs|InJlZ2lvbl91cmwi|cmVnaW9uX3VybC"
        r"I6)[a-zA-Z0-9+/]{10,200}={0,2}_[a-zA-Z0-9+/]{43}(?![A-Za-z0-9])",
    ),
    SecretShape(("sntryu_",), r"\b(sntryu_[a-f0-9]{64})(?![A-Za-z0-9])"),
    SecretShape(("tk-us-",), r"\b(tk-us-[\w-]{48})(?![A-Za-z0-9])"),
    SecretShape(("v1.0-",), r"\b(v1\.0-[a-f0-9]{24}-[a-f0-9]{146})(?![A-Za-z0-9])"),
    SecretShape(
        ("webhook.office.com", "webhookb2", "IncomingWebhook"),
        r"https://[a-z0-9]+\.webhook\.office\.com/webhookb2/[a-z0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12"
        r"}@[a-z0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}/IncomingWebhook/[a-z0-9]{32}/[a-z0-9]{8}-([a-z"
        r"0-9]{4}-){3}[a-z0-9]{12}[\w-]*",
    ),
    SecretShape(("xkeysib-",), r"\b(xkeysib-[a-f0-9]{64}\-(?i:[a-z0-9]{16}))(?![A-Za-z0-9])"),
)
