"""Japanese for what the code documents in English only, by name. What is missing here is shown in English."""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS: Mapping[str, str] = {
    "allowed.pools": "許可するプールのホスト名です。配下の名前もすべて含みます。",
    "allowed.wallets": "許可する送金先アドレスです。",
    "allowed.devices": "マイニングしてよい機器のアドレスです。",
    "devices.critical": "失うわけにいかない機器のアドレスです。検知は直ちに重大として扱います。",
    "devices.roles": "アドレスごとの役割です(dns_server、domain_controller、gateway、web_serverなど)。",
    "impact.cores": "マイナーが使える、自分のマシン1台あたりのプロセッサのコア数です。",
    "impact.watts_per_core": "コア1つが全力で動くときに増える消費電力(ワット)です。",
    "impact.price_per_kwh": "1kWhあたりの電力料金です。",
    "impact.currency": "その料金の通貨です。",
    "home": "自分のネットワークです(例: `192.0.2.0/24`)。空ならプライベートアドレスを自分のものとみなします。",
    "rules": "自作の検知ルールを置いたフォルダです。",
    "knowledge": "自分で用意した知識(ファクト)のフォルダです。",
    "realert_hours": "`--store` を使う場合、続いているインシデントは、悪化しないかぎり、この時間が過ぎるまで再び"
    "報告しません。",
    "alerts_per_day": "理由を説明できない異常の通知を、1日に最大何件まで受け取るかです。",
}

ERRORS: Mapping[str, str] = {
    "KanariaError": "利用者の操作で起こり、利用者が直せるエラーの総称です。コマンドは1行で表示し、2で終了します。",
    "ConfigError": "設定が誤っています。ファイルとキーを示します。",
    "RuleError": "検知ルールまたは知識ファイルが誤っています。`ファイル:行:桁` を示します。",
    "RecordError": "入力の1レコードが読めません。正しい行とは別に集められ、処理は止まりません。",
    "SourceError": "入力を開けない、または途中で失われました。再試行に意味があるときは秒数を持ちます。",
    "MissingExtra": "求められた処理に、任意の追加パッケージが必要です。",
    "UngroundedReport": "書かれたレポートに、証拠のない主張があります。",
    "ActionError": "対応の操作が失敗しました。中途半端な状態は残っていません。",
}

TABLES: Mapping[str, str] = {
    "http": "Webサーバ、プロキシ、センサーが見た1つのリクエスト。",
    "connection": "1つの接続、または1つのフロー。",
    "dns": "1つのDNS問い合わせと応答。",
    "tls": "1回のTLSハンドシェイク。",
    "rdp": "1回のリモートデスクトップ接続の試み。",
    "smb": "1つのSMBセッションまたはファイル操作。",
    "logon": "あらゆるサービスへの1回のログオン試行(Windows、SSH、RDP、SMB、FTP)。",
    "alert": "他のセンサーがすでに不審と判断したもの。",
    "host": "機器の1回分の観測(負荷、プロセス、待ち受けソケット)。",
    "process": "1つのプログラム。その起動、実行中の様子、またはそれを起動するサービスやジョブ。",
    "miner": "マイニングプログラムが自身のログに書いた内容を、1回の実行ごとにまとめたもの。",
    "stratum": "見つかったマイニングプロトコルの1メッセージ。event_id は、それを含んでいたレコードのものです。",
}
