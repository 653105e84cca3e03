"""What an answer proves about the very interface that was asked for.

In: a web record. Out: words for what was found there, or None. A status alone says nothing about a page; about an
interface whose answers are known it says whether it is there: Docker creates a container with 201 and YARN takes an
application with 202, Laravel's Ignition fails with 500 when it is there and with 404 when it is not. Sources: the
interfaces' own documents. Whether the same answer is what this server gives everybody is asked before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kanaria.core.types import Record, Text

_OK = frozenset({200, 201, 202, 204, 206})


@dataclass(frozen=True, slots=True)
class _Interface:
    """``path`` is matched at the beginning of the path; ``methods``: any when empty."""

    path: re.Pattern[str]
    en: str
    ja: str
    statuses: frozenset[int] = frozenset({200})
    methods: frozenset[str] = frozenset()


def _made(path: str, en: str, ja: str, statuses: frozenset[int] = frozenset({200}), methods: str = "") -> _Interface:
    return _Interface(re.compile(path, re.IGNORECASE), en, ja, statuses, frozenset(methods.split()))


_VERSION = r"(?:/v1\.\d\d)?"
INTERFACES: tuple[_Interface, ...] = (
    _made(r"/_ignition/(?:execute-solution|health-check)", "Laravel's debug page (Ignition)",
          "Laravelのデバッグページ(Ignition)", frozenset({200, 500})),
    _made(r"(?:/wd/hub|/grid)?/(?:wd/hub/)?(?:status|session|sessions|console)(?:/|$)", "a Selenium Grid",
          "Selenium Grid"),
    _made(_VERSION + r"/containers/create$", "the Docker API, which created a container",
          "Docker API(コンテナを作成しました)", frozenset({201}), "POST"),
    _made(_VERSION + r"/(?:containers|images|info|version|networks|volumes)(?:/json)?$", "the Docker API", "Docker API"),
    _made(_VERSION + r"/(?:containers|exec)/[^/]+/(?:start|exec|attach)$", "the Docker API, which ran something",
          "Docker API(何かを実行しました)", frozenset({200, 201, 204}), "POST"),
    _made(r"/ws/v1/cluster/apps/new-application", "Hadoop YARN, which handed out an application id",
          "Hadoop YARN(アプリケーションIDを発行しました)", frozenset({200}), "POST"),
    _made(r"/ws/v1/cluster/apps$", "Hadoop YARN, which took an application", "Hadoop YARN(アプリケーションを受け付けました)",
          frozenset({202}), "POST"),
    _made(r"/ws/v1/cluster", "Hadoop YARN's interface", "Hadoop YARNのインターフェース"),
    _made(r"/(?:1|2)/(?:summary|threads|config|backends)|/api\.json$", "the control interface of an XMRig miner",
          "マイナーXMRigの制御インターフェース", _OK),
    _made(r"/(?:.*/)?\.env(?:\.[\w.-]{1,20})?$", "a file with settings and passwords (.env)",
          "設定とパスワードのファイル(.env)"),
    _made(r"/(?:.*/)?(?:\.git/(?:config|HEAD)|\.aws/(?:credentials|config)|\.docker/config\.json|\.kube/config"
          r"|\.ssh/id_\w+|wp-config\.php\.(?:bak|old|save|txt)|\.vscode/sftp\.json)", "a file with keys or passwords",
          "鍵やパスワードを含むファイル"),
    _made(r"/(?:.*/)?phpunit/.*eval-stdin\.php", "PHPUnit's eval-stdin.php, which runs what it is sent",
          "送られた内容を実行するPHPUnitのeval-stdin.php"),
    _made(r"/api/v1/(?:pods|namespaces|nodes|secrets)|/apis/(?:apps|batch)/v1", "the Kubernetes API without a logon",
          "認証なしのKubernetes API", frozenset({200, 201})),
    _made(r"/(?:run|exec)/[^/]+/[^/]+/|/(?:runningpods|pods)/?$", "the kubelet's interface", "kubeletのインターフェース"),
    _made(r"/api/(?:jobs|job_agent)(?:/|$)", "the jobs interface of Ray", "Rayのジョブ実行インターフェース", _OK),
    _made(r"/api/v1/validate/code", "Langflow's code check, which runs code", "コードを実行するLangflowのコード検証",
          _OK, "POST"),
    _made(r"/(?:api/)?(?:customnode|manager)/", "ComfyUI-Manager", "ComfyUI-Manager", _OK),
    _made(r"/api/(?:terminals|kernels|sessions|contents)(?:/|$)", "Jupyter without a logon", "認証なしのJupyter", _OK),
    _made(r"/solr/admin/|/solr/[^/]+/(?:config|select|dataimport)", "Apache Solr's interface",
          "Apache Solrのインターフェース"),
    _made(r"/druid/indexer/v1/", "Apache Druid's interface", "Apache Druidのインターフェース"),
    _made(r"/actuator/(?:env|heapdump|gateway|jolokia)", "Spring Boot's actuator", "Spring Bootのactuator",
          frozenset({200, 201})),
    _made(r"/(?:jenkins/)?script(?:Text)?$", "the Jenkins script console", "Jenkinsのスクリプトコンソール"),
    _made(r"/(?:manager|host-manager)/(?:html|text)", "the Tomcat manager without a logon", "認証なしのTomcat Manager"),
    _made(r"/jars/(?:upload|[^/]+/run)", "Apache Flink's job upload", "Apache Flinkのジョブアップロード"),
    _made(r"/nacos/v1/auth/users", "Nacos' user list", "Nacosのユーザー一覧"),
    _made(r"/run$|/idleBeat$|/beat$", "an XXL-JOB executor", "XXL-JOBのエグゼキュータ", _OK, "POST"),
    _made(r"/api/setup/validate|/api/session/properties", "Metabase's setup interface", "Metabaseのセットアップ用インターフェース"),
    _made(r"/functionRouter", "Spring Cloud Function's router", "Spring Cloud Functionのルータ", frozenset({200, 500}), "POST"),
    _made(r"/wls-wsat/|/_async/asyncresponseservice", "WebLogic's web service", "WebLogicのWebサービス",
          frozenset({200, 202, 500}), "POST"),
    _made(r"/_next/(?:flight|server-actions|turbopack/flight|rsc)|/_react/flight|/_rsc/|/rsc-action|/server-action",
          "React server functions", "Reactのサーバ関数(Server Functions)", frozenset({200, 500}), "POST"),
    _made(r"/bin/get/Main/SolrSearch|/xwiki/bin/get/Main/SolrSearch", "the search of XWiki", "XWikiの検索"),
    _made(r"/app/rest/(?:debug/processes|users)|/[^?]*;\.jsp", "TeamCity's interface without a logon",
          "認証なしのTeamCityのインターフェース", _OK, "POST"),
    _made(r"/api/v1/(?:workflows|executions)|/rest/(?:workflows|login)$", "n8n without a logon", "認証なしのn8n"),
)  # fmt: skip


def found_at(record: Record) -> Text | None:
    """What the answer proves to be there, or None."""
    status, url, method = (record.values.get(name) for name in ("status", "url", "method"))
    path = str(url or "").split("?", 1)[0]
    if (
        not isinstance(status, int)
        or not path.startswith("/")
        or (status == 200 and record.values.get("bytes_out") == 0)
    ):
        return None
    for known in INTERFACES:
        if status in known.statuses and (not known.methods or method in known.methods) and known.path.match(path):
            return Text(
                en=f"the answer {status} fits {known.en}: it is there and reachable by whoever asked",
                ja=f"応答{status}は{known.ja}のものと一致します。存在し、リクエストの送信元から到達できる状態です",
            )
    return None
