"""The words every stage uses: table schemas, boundary types, errors, addresses, clock. Imports nothing of ours."""
