"""Facts we hold, each with source and date: vulnerabilities, pools, coins, miner agents, networks, ATT&CK, weights."""
