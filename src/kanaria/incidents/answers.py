"""What an answer proves about the very interface that was asked for.

Takes a web record; returns words for what was found there, or None. A status alone says nothing about a page; about an
interface whose answers are known it says whether it is there: Docker creates a container with 201 and YARN takes an
application with 202, Laravel's Ignition fails with 500 when it is there and with 404 when it is not. Sources: the
interfaces' own documents. Whether the same answer is what this server gives everybody is asked before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kanaria.core.types import Record, Text
from kanaria.core.values import dataclass

_OK = frozenset({200, 201, 202, 204, 206})


@dataclass(frozen=True, slots=True)
class _Interface:
    """``path`` is matched at the beginning of the path; ``methods``: any when empty; ``advice`` is one of ``WHAT_TO_DO``."""

    path: re.Pattern[str]
    en: str
    ja: str
    statuses: frozenset[int] = frozenset({200})
    methods: frozenset[str] = frozenset()
    advice: str | None = None


def _made(
    path: str,
    en: str,
    ja: str,
    statuses: frozenset[int] = frozenset({200}),
    methods: str = "",
    advice: str | None = None,
) -> _Interface:
    return _Interface(re.compile(path, re.IGNORECASE), en, ja, statuses, frozenset(methods.split()), advice)


# Where more can be said than "let nobody but you reach it".
WHAT_TO_DO: Mapping[str, Text] = {
    "secrets": Text(
        en="Open {at} yourself. If it shows settings or keys, strangers have them: change every password and key in it, then move the file out of the web server's reach and refuse names that begin with a dot.",
        ja="{at} をご自身で開いて確認してください。設定や鍵が表示される場合は、すでに他人に読まれています。書かれているパスワードと鍵をすべて変更し、ファイルを公開領域の外に移して、ドットで始まる名前へのアクセスを拒否してください。",
    ),
    "debug": Text(
        en="Turn the debug mode off (Laravel: APP_DEBUG=false) and update: {at} answers only while it is on, and hands out code execution in old versions.",
        ja="デバッグモードを無効にし(LaravelではAPP_DEBUG=false)、更新してください。{at} はデバッグモードの間だけ応答し、古い版ではコードを実行されます。",
    ),
    "runs_code": Text(
        en="Remove what answers at {at}, or update it: it runs code that is sent to it. Then look for files and processes you do not know.",
        ja="{at} で応答しているものを削除するか、更新してください。送られたコードを実行します。そのうえで、身に覚えのないファイルやプロセスがないかを調べてください。",
    ),
    "open_proxy": Text(
        en="Close the proxy to strangers: CONNECT to {at} was answered 200, so anybody may mine, mail or attack through it. Allow your own networks only.",
        ja="プロキシを他人が使えないようにしてください。{at} へのCONNECTに200を返しているため、誰でもこのプロキシを経由してマイニングや攻撃ができます。自分のネットワークからだけ許可します。",
    ),
    "public_app": Text(
        en="See whether the application behind {at} is up to date; it is meant to be public, so its version is what protects it.",
        ja="{at} で応答しているアプリケーションが最新の版かを確認してください。公開が前提のものなので、版が新しいことが守りになります。",
    ),
    "selenium": Text(
        en="Close the Selenium Grid at {at} to strangers (port 4444): whoever reaches it starts a browser with any program as its arguments. Then look for sessions and processes you did not start.",
        ja="{at} のSelenium Grid(ポート4444)に他人が届かないようにしてください。届く人は誰でも、任意のプログラムを起動できます。そのうえで、身に覚えのないセッションやプロセスがないかを調べてください。",
    ),
    "docker": Text(
        en="Close the Docker API at {at} now: whoever reaches it is root on this machine. Then look for containers and images you do not know (docker ps -a, docker images).",
        ja="{at} のDocker APIを今すぐ閉じてください。届く人は誰でも、このマシンのroot権限を得られます。そのうえで、身に覚えのないコンテナやイメージがないかを調べてください(docker ps -a、docker images)。",
    ),
    "miner": Text(
        en="A miner (XMRig) answers at {at}. If you run it, let nobody else reach its interface; if you do not, somebody mines on this machine: find the process (ss -tlnp shows who listens) before anything else.",
        ja="{at} でマイナー(XMRig)が応答しています。ご自身のものであれば、他人が届かないようにします。心当たりがなければ、誰かがこのマシンでマイニングをしています。まず、待ち受けているプロセスを突き止めてください(ss -tlnp)。",
    ),
}


_VERSION = r"(?:/v1\.\d\d)?"
INTERFACES: tuple[_Interface, ...] = (
    _made(r"/_ignition/(?:execute-solution|health-check)", "Laravel's debug page (Ignition)",
          "Laravelのデバッグページ(Ignition)", frozenset({200, 500}), advice="debug"),
    _made(r"(?:/wd/hub|/grid)?/(?:wd/hub/)?(?:status|session|sessions|console)(?:/|$)", "a Selenium Grid",
          "Selenium Grid", advice="selenium"),
    _made(_VERSION + r"/containers/create$", "the Docker API, which created a container",
          "Docker API(コンテナを作成しました)", frozenset({201}), "POST", advice="docker"),
    _made(_VERSION + r"/images/create$", "the Docker API, which fetched an image", "Docker API(イメージを取得しました)",
          frozenset({200}), "POST", advice="docker"),
    _made(_VERSION + r"/(?:containers|images|info|version|networks|volumes)(?:/json)?$", "the Docker API", "Docker API", advice="docker"),
    _made(_VERSION + r"/(?:containers|exec)/[^/]+/(?:start|exec|attach)$", "the Docker API, which ran something",
          "Docker API(何かを実行しました)", frozenset({200, 201, 204}), "POST", advice="docker"),
    _made(r"/ws/v1/cluster/apps/new-application", "Hadoop YARN, which handed out an application id",
          "Hadoop YARN(アプリケーションIDを発行しました)", frozenset({200}), "POST"),
    _made(r"/ws/v1/cluster/apps$", "Hadoop YARN, which took an application", "Hadoop YARN(アプリケーションを受け付けました)",
          frozenset({202}), "POST"),
    _made(r"/ws/v1/cluster", "Hadoop YARN's interface", "Hadoop YARNのインターフェース"),
    _made(r"/(?:1|2)/(?:summary|threads|config|backends)|/api\.json$", "the control interface of an XMRig miner",
          "マイナーXMRigの制御インターフェース", _OK, advice="miner"),
    _made(r"/(?:.*/)?\.env(?:\.[\w.-]{1,20})?$", "a file with settings and passwords (.env)",
          "設定とパスワードのファイル(.env)", advice="secrets"),
    _made(r"/(?:.*/)?(?:\.git/(?:config|HEAD)|\.aws/(?:credentials|config)|\.docker/config\.json|\.kube/config"
          r"|\.ssh/id_\w+|wp-config\.php\.(?:bak|old|save|txt)|\.vscode/sftp\.json)", "a file with keys or passwords",
          "鍵やパスワードを含むファイル", advice="secrets"),
    _made(r"/(?:.*/)?phpunit/.*eval-stdin\.php", "PHPUnit's eval-stdin.php, which runs what it is sent",
          "送られた内容を実行するPHPUnitのeval-stdin.php", advice="runs_code"),
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
          "React server functions", "Reactのサーバ関数(Server Functions)", frozenset({200, 500}), "POST", advice="public_app"),
    _made(r"/bin/get/Main/SolrSearch|/xwiki/bin/get/Main/SolrSearch", "the search of XWiki", "XWikiの検索", advice="public_app"),
    _made(r"/app/rest/(?:debug/processes|users)|/[^?]*;\.jsp", "TeamCity's interface without a logon",
          "認証なしのTeamCityのインターフェース", _OK, "POST"),
    _made(r"/api/v1/(?:workflows|executions)|/rest/(?:workflows|login)$", "n8n without a logon", "認証なしのn8n"),
)  # fmt: skip


def found_at(record: Record) -> Text | None:
    """What the answer proves to be there, or None."""
    interface = _interface_at(record)
    if interface is None:
        return None
    status = record.values.get("status")
    return Text(
        en=f"the answer {status} fits {interface.en}: it is there and reachable by whoever asked",
        ja=f"応答{status}は{interface.ja}のものと一致します。存在し、リクエストの送信元から到達できる状態です",
    )


def name_at(record: Record) -> Text | None:
    """What is there, as a name, or None."""
    interface = _interface_at(record)
    return Text(en=interface.en, ja=interface.ja) if interface else None


def advice_at(record: Record) -> str | None:
    """Which of ``WHAT_TO_DO`` fits what is there, or None."""
    interface = _interface_at(record)
    return interface.advice if interface else None


_OPEN_PROXY = _made("", "a proxy that strangers may use", "他人が使えるプロキシ", advice="open_proxy")
_ACTIONS = _made("", "a React server function",
                 "Reactのサーバ関数(Server Functions)",
                 frozenset({303, 500}), advice="public_app")  # fmt: skip
"""A request for a server action that does not exist: 500 while its body was taken apart, 303 by what the body ran.
Servers without such actions answer with the page (200), 404 or 405."""


def _interface_at(record: Record) -> _Interface | None:
    if record.values.get("payload.action") and record.values.get("status") in _ACTIONS.statuses:
        return _ACTIONS
    asked = tuple(record.values.get(name) for name in ("method", "status", "direction"))
    if asked == ("CONNECT", 200, "inbound"):
        return _OPEN_PROXY
    status, url, method = (record.values.get(name) for name in ("status", "url", "method"))
    path = str(url or "").split("?", 1)[0]
    if (
        not isinstance(status, int)
        or not path.startswith("/")
        or (status == 200 and record.values.get("bytes_out") == 0)
    ):
        return None
    for interface in INTERFACES:
        if (
            status in interface.statuses
            and (not interface.methods or method in interface.methods)
            and interface.path.match(path)
        ):
            return interface
    return None
