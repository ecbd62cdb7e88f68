"""`python -m fclab` is the `fclab` command."""

from fclab.cli import main

raise SystemExit(main())
