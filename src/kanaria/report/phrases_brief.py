"""Sentences of the answer that fits one screen, in both languages, with named places to fill."""

from __future__ import annotations

from collections.abc import Mapping

from kanaria.core.types import Text

BRIEF_HEADINGS: Mapping[str, Text] = {
    "news": Text(en="Since the last run", ja="前回の解析との違い"),
    "what": Text(en="What happened", ja="何があったか"),
    "why": Text(en="Why we think so", ja="そう判断した理由"),
    "aimed": Text(en="Attack, or stray?", ja="攻撃か、誤送か"),
    "worked": Text(en="Did it work?", ja="成功したか"),
    "do": Text(en="What to do", ja="どうすればよいか"),
    "again": Text(en="Look again if", ja="もう一度調べるとき"),
    "cve": Text(en="Vulnerabilities", ja="脆弱性"),
    "terms": Text(en="Terms", ja="用語"),
}

BRIEF: Mapping[str, Text] = {
    "what_messages": Text(
        en="{count:mining message|mining messages} in {place}, {who}: {methods}.",
        ja="{place}に、マイニングのメッセージが{count}件ありました({who})。内訳は {methods} です。",
    ),
    "what_message": Text(
        en="One mining message in {place}, {who}: {methods}.",
        ja="{place}に、マイニングのメッセージが1件ありました({who})。種類は {methods} です。",
    ),
    "what_findings": Text(en="{titles} ({sides}).", ja="{titles}を検知しました({sides})。"),
    "what_findings_alone": Text(en="{titles}.", ja="{titles}を検知しました。"),
    "what_place_log": Text(en="the log", ja="ログ"),
    "what_place_web": Text(en="the web server's log", ja="Webサーバのログ"),
    "what_place_network": Text(en="network traffic", ja="ネットワーク通信"),
    "what_device": Text(en="device: {device}", ja="機器: {device}"),
    "what_devices": Text(en="devices: {device} and {more} more", ja="機器: {device} ほか{more}台"),
    "what_from_nobody": Text(en="sender not recorded", ja="送信元は記録されていません"),
    "what_from": Text(en="other side: {remote}", ja="相手: {remote}"),
    "what_from_many": Text(en="other sides: {remote} and {more} more", ja="相手: {remote} ほか{more}件"),
    "what_when": Text(en="From {first} to {last}.", ja="期間: {first} から {last} まで。"),
    "what_when_once": Text(en="At {first}.", ja="時刻: {first}。"),
    "why_reasons": Text(en="{reasons}. Probability: {probability}.", ja="{reasons}。確率は{probability}です。"),
    "why_nothing": Text(
        en="No strong sign of anything else. Probability: {probability}.",
        ja="ほかの可能性を示す強い根拠がありません。確率は{probability}です。",
    ),
    "probability": Text(en="{percent} %", ja="{percent}%"),
    "probability_almost": Text(en="over 99.9 %", ja="99.9%超"),
    "probability_hardly": Text(en="under 0.1 %", ja="0.1%未満"),
    "aimed_scanner": Text(
        en="Not an attack on this server: the sender tries every address on the Internet, looking for pools and proxies left open, without knowing what it reaches.",
        ja="このサーバを狙った攻撃ではありません。公開されたままのプールやプロキシを探して、相手がどんなサーバかを見ずに、インターネット中へ無差別に送られているものです。",
    ),
    "aimed_not_stray": Text(
        en="Nor is it likely to be somebody's miner gone astray (probability: {stray}).",
        ja="誰かのマイナーが宛先を間違えた「誤送」の可能性は低いです(確率は{stray})。",
    ),
    "aimed_maybe_stray": Text(
        en="It may also be somebody's miner gone astray (probability: {stray}), which would be no attack either.",
        ja="誰かのマイナーが宛先を間違えた「誤送」の可能性もあります(確率は{stray})。その場合も攻撃ではありません。",
    ),
    "aimed_rivals": Text(
        en="One possible sender among others: the same login is in the script of LemonDuck, a miner's botnet, which asks every address its victim talks to for a rival's pool. So a client of yours may be infected.",
        ja="送信者の可能性の1つとして、マイナーを広めるボットネットLemonDuckが挙げられます。そのスクリプトに同じログインがあり、感染した機器が接続中のすべてのアドレスに競合のプールがないかを尋ねます。感染した利用者の機器から届いたのかもしれません。",
    ),
    "aimed_scan": Text(
        en="Not aimed at you: such scans reach every address on the Internet, all day long.",
        ja="こちらを狙ったものではありません。このようなスキャンは、インターネット上のすべてのアドレスに毎日届きます。",
    ),
    "aimed_inside": Text(
        en="Most likely neither: it came from the private network, so a program of yours asked, or a proxy in front hides who did.",
        ja="どちらでもない可能性が高いとみられます。プライベートネットワークから届いており、ご自身のプログラムか、手前のプロキシに隠れた送信元によるものです。",
    ),
    "aimed_scan_found": Text(
        en="Not aimed at you: such scans reach every address on the Internet, all day long. This one found something here, though.",
        ja="こちらを狙ったものではなく、インターネット上のすべてのアドレスに毎日届くスキャンです。ただし、今回は目当てのものがこのサーバで見つかっています。",
    ),
    "aimed_guessing": Text(
        en="An attack, but not one that chose you: programs try common passwords at every address that answers.",
        ja="攻撃ですが、こちらを選んで狙ったものとは限りません。応答するアドレスすべてに、よくあるパスワードをプログラムが試しています。",
    ),
    "aimed_misdirected": Text(
        en="Stray, as far as can be seen: somebody's own miner, set up with a wrong address. It wants to mine for its owner, not to harm this server.",
        ja="誤送とみられます。誰かが自分のマイナーに誤った宛先を設定したもので、このサーバへの攻撃ではありません。",
    ),
    "aimed_exploit": Text(
        en="An attack, not stray traffic: it tries to run a program of the sender's here. Most such attempts are sent by programs to every address they find; nothing here shows that yours was chosen.",
        ja="誤送ではなく、攻撃です。送信者のプログラムをこちらで実行させようとしています。ただし、この種の攻撃の多くは見つけたアドレスすべてに自動で送られるもので、こちらを選んで狙った形跡はありません。",
    ),
    "aimed_intrusion": Text(
        en="An attack, not stray traffic: it tries to get something from this server that its sender has no right to. Most such attempts are sent by programs to every address they find; nothing here shows that yours was chosen.",
        ja="誤送ではなく、攻撃です。本来許されていない操作や読み取りを、こちらのサーバに行わせようとしています。ただし、この種の攻撃の多くは見つけたアドレスすべてに自動で送られるもので、こちらを選んで狙った形跡はありません。",
    ),
    "aimed_compromised": Text(
        en="Not stray traffic: what was seen involves the device itself, as after a break-in.",
        ja="誤送ではありません。侵入された後にみられる動きが、機器そのものに現れています。",
    ),
    "aimed_suspected": Text(
        en="Not stray traffic: the device itself takes part. Whether a program of its owner's does, or one of somebody who broke in, the shape of traffic alone does not say.",
        ja="誤送ではなく、機器自身の通信です。ただし、所有者のプログラムによるものか、侵入した誰かによるものかは、通信の形だけでは分かりません。",
    ),
    "aimed_in_browser": Text(
        en="Neither an attack on the device nor stray traffic: a page that was open, or an extension of the browser, mines while it runs. Nothing shows that anybody entered the device.",
        ja="機器への攻撃でも、誤送でもありません。開いていたWebページかブラウザの拡張機能が、動いている間だけマイニングをしています。機器に侵入された形跡はありません。",
    ),
    "aimed_named": Text(
        en="That cannot be told from a name or a report: a program on the device, a person, or a list of addresses to block may be behind it.",
        ja="名前や警告だけでは分かりません。機器のプログラムのほか、利用者の操作や遮断リストの処理なども考えられます。",
    ),
    "aimed_asked_from_outside": Text(
        en="Neither is known: somebody asked your DNS server a question. A stranger's miner or a person may use it, or a scan looks for open DNS servers; over UDP the address may even be forged. Unless the address is yours, no machine of yours is suspected.",
        ja="どちらとも分かりません。外部からDNSサーバに問い合わせがあったというだけです。サーバを利用している第三者のマイナーや利用者のほか、公開DNSサーバを探すスキャンも考えられ、UDPでは送信元が偽装されていることもあります。そのアドレスが自分のものでない限り、ご自身の機器が疑われるわけではありません。",
    ),
    "aimed_line": Text(
        en="That cannot be told: the line says neither when nor by which program it was written.",
        ja="分かりません。この行には、いつ、どのプログラムが書いたものかの記載がありません。",
    ),
    "aimed_text": Text(
        en="Neither, as far as can be seen: somebody wrote about it.",
        ja="どちらでもなく、人が書いた文章とみられます。",
    ),
    "aimed_authorised": Text(
        en="Neither: your settings say that this mining is allowed.",
        ja="どちらでもありません。設定で許可されているマイニングです。",
    ),
    "aimed_benign": Text(
        en="Neither, as far as can be seen: ordinary traffic.",
        ja="どちらでもなく、通常の通信とみられます。",
    ),
    "worked_because": Text(en="Reason: {reason}.", ja="理由: {reason}。"),
    "do_more": Text(en="(and {count} more)", ja="(ほか{count}件)"),
    "again_noise": Text(
        en="the server answers such a line with anything but an error, it contacts a mining pool itself, or its CPU stays busy without a reason you know.",
        ja="同じような行にサーバがエラー以外を返したとき、サーバ自身がマイニングプールに接続したとき、または心当たりなくCPU使用率の高い状態が続くとき。",
    ),
    "again_scan": Text(
        en="one of these senders gets a normal answer or a logon, or the device begins connections that you do not know.",
        ja="同じ相手に正常な応答を返したとき、ログインに成功されたとき、または機器から心当たりのない接続が始まったとき。",
    ),
    "again_exploit": Text(
        en="you find a process, file or cron job that you do not know, the server connects to an address that you do not know, or its CPU stays busy.",
        ja="身に覚えのないプロセス、ファイル、cronの設定を見つけたとき、サーバが心当たりのない宛先に接続したとき、またはCPU使用率の高い状態が続くとき。",
    ),
    "again_asked": Text(
        en="a device of yours asks for the pool itself, or connects to it.",
        ja="ご自身の機器がプールの名前を問い合わせたとき、またはプールに接続したとき。",
    ),
    "again_authorised": Text(
        en="the pool or the payout address is not yours.",
        ja="プールや送金先アドレスに心当たりがないとき。",
    ),
    "cve_brief": Text(en="{cve} ({product}): {summary}.", ja="{cve}({product}): {summary}。"),
    "cve_brief_unknown": Text(
        en="{cve}: an attempt was seen; no further facts are held.",
        ja="{cve}: 攻撃の試みを確認しました。詳しい情報は登録されていません。",
    ),
    "cve_brief_more": Text(en="(and {count} more)", ja="(ほか{count}件)"),
    "terms_mining": Text(
        en="Stratum is the language that mining programs speak with a pool. A pool shares the work among many miners and pays each to a wallet, the address of a coin account; a proxy stands between and passes work on.",
        ja="Stratum(ストラタム)は、マイニングのプログラムがプールとやり取りするためのプロトコルです。プールは多数のマイナーに仕事を配り、報酬を各自のウォレット(暗号資産の口座にあたるアドレス)へ支払います。プロキシはその間で仕事を中継します。",
    ),
    "brief_alike": Text(
        en="{count:incident is|incidents are} alike; this is one of them. Others: {who}.",
        ja="同じ内容のインシデントが{count}件あり、これはその1件です。ほかの相手: {who}。",
    ),
    "brief_more": Text(
        en="More (every message, evidence, CVE scores): add --full, or write a page with --format html -o report.html",
        ja="詳しい説明(メッセージごとの意味、根拠、CVEのスコアなど): --full を付けるか、--format html -o report.html でページに書き出してください",
    ),
    "brief_more_short": Text(en="More: add --full.", ja="詳しくは --full を付けてください。"),
    "brief_others": Text(en="Other incidents ({count}):", ja="ほかのインシデント({count}件):"),
}
