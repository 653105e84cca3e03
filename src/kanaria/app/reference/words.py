"""Japanese for what the code documents in English only, by name. What is missing here is shown in English."""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS: Mapping[str, str] = {
    "allowed.pools": "許可するプールのホスト名です。配下の名前もすべて含みます。",
    "allowed.wallets": "許可する送金先アドレスです。",
    "allowed.devices": "マイニングしてよい機器のアドレスです。",
    "devices.critical": "失うわけにいかない機器のアドレスです。"
    "成功した、または成功した可能性のある攻撃やマイニングを「重大」とします。",
    "devices.roles": "アドレスごとの役割です(dns_server、domain_controller、gateway、web_serverなど)。",
    "impact.cores": "マイナーが使える、自分のマシン1台あたりのプロセッサのコア数です。",
    "impact.watts_per_core": "コア1つが全力で動くときに増える消費電力(ワット)です。",
    "impact.price_per_kwh": "1kWhあたりの電力料金です。",
    "impact.currency": "その料金の通貨です。",
    "home": "自分のネットワークです(例: `192.0.2.0/24`)。空ならプライベートアドレスを自分のものとみなします。",
    "rules": "自作の検知ルールを置いたフォルダです。設定ファイルからの相対パスで書けます。",
    "knowledge": "自分で用意した知識(ファクト)のフォルダです。設定ファイルからの相対パスで書けます。",
    "limits.findings": "未解決のケースの検知の上限です。重大度が高く新しいものから残します。"
    "1つのケースではその4分の1までです。"
    "1件は約7 kBです。",
    "limits.records": "これらの検知が引用するログのレコードの上限です。1件は約1 kBです。",
    "limits.sources": "次に読んだとき見分けられる入力の上限です。最後に読んだものから残します。1件は約150バイトです。",
    "limits.pairs": "未解決のインシデントに関わり、学習させない機器と相手の組の上限です。"
    "新しいインシデントから残します。",
    "limits.contacts": "すべての実行を通して接続時間を数える機器と相手の組の上限です。最後に通信したものから残します。",
    "limits.correlation_events": "1つの相関ルールが記憶するイベントの上限です。新しいものから残します。"
    "1件は約400バイトです。",
    "limits.pictured_devices": "図のために意外さを残す機器の上限です。意外さの大きいものから残します。"
    "1台は約20 kBです。",
    "limits.identities": "ログインの間隔を数えるマイナー(アドレス、ログイン名、プログラム)の上限です。"
    "ログインの多いものから残します。1件は約400バイトです。",
    "limits.web_answers": "通常の応答を知るために数える、Webサーバの応答(ステータス、パス、サイズ)の上限です。"
    "超えた分のうち1回しか見ていないものはパスなしで数え、サイズが多すぎれば多く見たものから残します。"
    "1件は約30バイトです。",
    "limits.web_clients": "解釈できないリクエストを送ったクライアントとして記憶する数の上限です。"
    "ステータスごとに同じ数まで残します。1件は約40バイトです。",
    "limits.web_answers_kept": "`kanaria serve` が再起動後も覚えている、Webサーバの応答の上限です。"
    "超えた分のうち1回しか見ていないものはパスなしで残し、それでも多ければ多く見たものから残します。"
    "1件は約70バイトで、チェックポイントのたびに書き込みます。",
    "limits.web_clients_kept": "解釈できないリクエストを送ったクライアントのうち、`kanaria serve` が再起動後も"
    "覚えている数の上限です。ステータスごとに同じ数まで残します。",
    "limits.hosts": "ログへの書き込みの途絶を検知するホストの上限です(ログごとに数えます)。"
    "定期的に書き込むもの、最後に書き込んだものから残します。1台は約200バイトです。",
    "limits.told_connections": "異常として通知した接続の上限です。新しいものから残し、その接続内のリクエストを"
    "重ねて通知しないために使います。1件は約400バイトです。",
    "limits.places": "行を受け取るソース(syslog、HTTP、Kafka、Redis)の1つで区別する、送信元とプログラムの組、"
    "またはレコードが示すファイルの上限です。それぞれを1つのログとして読みます。1日間何も書かないものは、"
    "別のものに場所を譲ります。譲るものがない間、上限を超えた分の行は1つのログとして読みます。",
    "limits.partitions": "`kanaria serve` の1つのソース(Kafka)で読むパーティションの上限です。以前に読んだものから"
    "読みます。どこまで読んだかをそれぞれ記憶するため、多くても `limits.positions` の半分です。超えた分は読みません。",
    "limits.positions": "`kanaria serve` の1つのソースで、読み取り位置を記憶するファイルの上限です。"
    "最後に読んだものから残します。1件は約500バイトです。",
    "limits.addresses": "アドレスや名前の意味を記憶する数の上限です(11か所でそれぞれ)。最後に使ったものから残します。"
    "忘れたものは計算し直すので、時間はかかりますが結果は変わりません。",
    "events.days": "接続、名前の問い合わせ、ハンドシェイク、ログオンの記録を残す日数です。`0` なら残しません。日数は"
    "壁の時計ではなく、最も新しい記録から数えます。",
    "events.megabytes": "それらの記録に使うディスク容量の上限です。超えた分は古いものから消します。"
    "Webサーバ自身のログは重ねて保存しません。",
    "realert_hours": "`--store` を使う場合、続いているインシデントは、悪化しないかぎり、この時間が過ぎるまで再び"
    "報告しません。",
    "store": "`kanaria serve` がすべてを保存するフォルダです。設定ファイルからの相対パスで書けます。`incident` も"
    "ここを見ます。",
    "language": "表示と通知の言語です(`ja` または `en`)。`--lang` を指定するとそちらを優先します。既定はロケールに"
    "従います。",
    "timezone": "時刻にタイムゾーンを書かないログと、レポートに表示する時刻のタイムゾーンです(`Asia/Tokyo`、"
    "`+09:00` など)。既定はシステムの設定です。",
    "sources[].kind": "監視対象の種類です。ログファイル、ZeekやSuricataのログのフォルダ、標準入力、システムの"
    "ジャーナル、syslog・HTTPのJSON・NetFlowを受けるポート、Dockerコンテナのログ、Kafkaのトピック、Redisの"
    "ストリーム、ネットワークインターフェース。必須です。",
    "sources[].name": "レポートと `kanaria status` に表示する名前です。既定はパスまたはアドレスです。",
    "sources[].path": "ファイル、フォルダ、またはパターンです(file、zeek、suricata、docker、journal)。設定ファイル"
    "からの相対パスで書けます。",
    "sources[].format": "行の形式です(`kanaria formats` を参照)。省略すると自動で判別します。",
    "sources[].log_format": "行の形式を表す、ApacheのLogFormatまたはnginxのlog_formatです。",
    "sources[].start": "一度も読んでいないものを、先頭から読むか、これから書かれる分だけ読むかです。",
    "sources[].units": "読み取るユニットです(journal)。空ならすべてです。",
    "sources[].listen": "待ち受ける `アドレス:ポート` です(syslog、http、netflow)。",
    "sources[].protocol": "syslogをUDP、TCP、その両方のどれで受けるかです。",
    "sources[].certificate": "証明書のPEMファイルです。指定すると、TCPのsyslogはTLSになります。",
    "sources[].key": "その証明書の秘密鍵のPEMファイルです。",
    "sources[].senders": "送信を許可するアドレスまたはネットワークです(syslog、netflow)。空なら、ポートに届く"
    "すべてです。",
    "sources[].token": "送信側が `Authorization: Bearer …` で示す秘密の値です(http)。",
    "sources[].containers": "コンテナの名前です(docker)。空ならすべてです。",
    "sources[].brokers": "Kafkaのブローカーの `ホスト:ポート` です。複数ある場合はコンマで区切ります。",
    "sources[].topics": "トピックです(kafka)。名前か、`*` と `?` を使ったパターンで書きます。",
    "sources[].options": "TLS、SASL、上限など、Kafkaのライブラリ(librdkafka)の設定です"
    '(例: `"sasl.password" = "env:NAME"`)。どの値も秘密の値として書けます。',
    "sources[].url": "Redisサーバのアドレスです(秘密の値)。`redis://ホスト:ポート/番号`、TLSなら `rediss://…` です。",
    "sources[].streams": "ストリームの名前です(redis)。",
    "sources[].record": "記録が入っているフィールドです(redis)。省略すると、唯一のフィールド、`message` または `log`、"
    "全フィールドをまとめたもの、の順に選びます。",
    "sources[].interface": "パケットをキャプチャするインターフェースです(例: `eth0`)。",
    "sources[].filter": "tcpdumpと同じ書き方のキャプチャフィルタです。",
    "notify[].url": "送信先です(秘密の値)。`ntfy://…`、`mailto://…`、`discord://…`、`json://…` などのAppriseのURL、"
    "または、インシデントをJSONで送る署名付きWebhookの `webhook+https://…` です。必須です。",
    "notify[].name": "`kanaria status` に表示する名前です。既定はURLの種類と番号です。",
    "notify[].severity": "すぐに知らせる最低の重大度です。これより低いものは要約にまとめます。",
    "notify[].digest": "その重大度より低いものを、どの間隔で1通にまとめて送るかです。`none` なら送りません。",
    "notify[].digest_at": "要約を送る時刻です。",
    "notify[].language": "通知の言語です。既定は設定ファイルの言語です。",
    "notify[].quiet": "`quiet_severity` 以上だけを知らせる時間帯です(例: `22:00-07:00`)。残りは、その後に届きます。",
    "notify[].quiet_severity": "その時間帯にも知らせる最低の重大度です。",
    "notify[].secret": "Webhookに署名する秘密の値です(Standard Webhooks、`whsec_…`)。",
    "llm.base_url": "OpenAI互換のインターフェースのアドレスです(例: `http://llm.example:11434/v1`)。指定がなければ、言語モデルには一切接続しません。",
    "llm.model": "サーバでの言語モデルの名前です。",
    "llm.timeout": "1回の実行で言語モデルに使う時間の上限(秒)です。残りの文はKanariaが書きます。",
    "llm.max_tokens": "1回の応答の長さの上限です。",
    "llm.hide_internal": "内部のアドレスとホスト名も送信前に置き換えるかどうかです。"
    "秘密の値とメールアドレスは常に置き換えます。",
    "serve.listen": "`/healthz`、`/readyz`、`/metrics`、`/status` が応答するアドレスです。ループバックにしてください。"
    "`off` なら応答しません。",
    "serve.link": "通知に付けるリンクの先頭部分です。末尾にインシデントのIDが付きます。省略すると、コマンドを"
    "示します。",
    "serve.join_minutes": "深刻でない同じ種類の知らせは、この時間のうちに届いた分を1通にまとめます。",
    "serve.log": "サービス自身のログを、文章にするか、1行1オブジェクトのJSONにするかです。",
    "baseline.warm_up_days": "この日数の履歴がたまるまで、何も異常とは判断しません。",
    "baseline.device_warm_up_hours": "後から加わった機器について、判断を始めるまでの時間です。",
    "baseline.half_life_days": "この日数がたつと、観測の重みが半分になります。"
    "週に一度の習慣を忘れないように、7日以上にします。",
    "baseline.learn_incidents": "検知に関わる記録も平常として学習するかどうか。",
    "notify[].ocsf": "インシデントに関する署名付きWebhookの本文に、OCSFのイベントも含めるかどうか(`ocsf` の下)。",
    "notify[].escalate_minutes": "この分数がたっても誰も引き受けていないインシデントだけを、この送信先に知らせます。",
    "host.check": "実行中のプログラムにマイナーがないか、開いている接続の先がプールでないかを調べるかどうか。",
    "host.every_seconds": "確認の間隔(秒)です。",
    "maintenance[].begin": "開始日時(タイムゾーン付き)です。例: `2026-12-05T22:00+09:00`。",
    "maintenance[].end": "終了日時です(形式は `begin` と同じ)。",
    "maintenance[].hours": "毎回の時間帯(現地時刻)です。例: `02:00-04:00`。",
    "maintenance[].days": "時間帯が始まる曜日(`mon` ～ `sun`)です。空なら毎日。",
    "maintenance[].devices": "対象の機器のアドレスです。空なら全機器。",
    "maintenance[].severity": "メンテナンス中でも知らせる最低の重大度です。",
    "serve.acknowledge": "ブラウザから `acknowledge_listen` に届くURLです。例: `http://192.0.2.10:9478`。設定すると、インシデントを"
    "引き受けるリンク(署名付き、1回限り)が通知に付きます。",
    "serve.acknowledge_listen": "`acknowledge` を設定したとき、このアドレスでリンクに応答します。",
    "serve.acknowledge_hours": "リンクの有効時間です。",
    "serve.ocsf": "SIEM向けのファイルです。インシデントを知らせるたびに、そのOCSFイベントを1行1オブジェクトの"
    "JSONで追記します。",
    "serve.ocsf_mb": "このサイズに達すると、ファイル名を `….1` に変えて新しいファイルを始めます。5つまで残します。",
    "serve.batch_seconds": "負荷が高いとき、まとめて処理するために行を待たせる最長の秒数です。",
    "serve.disk_warn_mb": "保存先の空き容量がこれを下回ると警告を送ります。",
    "serve.keep_days": "解決済みと却下済みのインシデントを最後の変更から何日後に削除するか。未解決のものは残ります。",
    "serve.keep_mb": "インシデントの保存サイズがこれを超えると、解決済みと却下済みのものを古い順に早めに削除します。"
    "それでも足りなければ、未解決でも重大度が「情報」で1週間変化のないものを削除します。",
    "serve.messages_per_hour": "1つの送信先に1時間に送る通知の上限です。超えた分は1通にまとめます。",
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
    "ModelError": "言語モデルから使える応答が得られませんでした。`final` は、問い直しても無駄であることを示します。",
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
    "event": "機器自身のログの1イベントと、その全フィールド。これを見るルールがあるときだけ作られます。",
    "miner": "マイニングプログラムが自身のログに書いた内容を、1回の実行ごとにまとめたもの。",
    "stratum": "見つかったマイニングプロトコルの1メッセージ。event_id は、それを含んでいたレコードのものです。",
}
