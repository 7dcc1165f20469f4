# Each target is a command of run.py, which does the work and says more: `make help`.
# Fit for GNU make 3.81, the one of every Mac.
RUN := "$(if $(PYTHON),$(PYTHON),python3)" run.py
# Values from the command line reach run.py as they are, blanks included.
export CASE PYTHON

.DEFAULT_GOAL := help
.PHONY: help reproduce test fuzz verify flip lab site report lint clean lock-requirements check-lock

reproduce:
	@$(RUN) reproduce $(if $(CASE),--case "$$CASE") $(if $(QUICK),--quick) $(if $(FORCE),--force)

test:
	@$(RUN) test $(PYTEST)

fuzz:
	@$(RUN) fuzz $(FUZZ)

verify:
	@$(RUN) verify $(if $(QUICK),--quick) $(VERIFY)

flip:
	@$(RUN) flip $(FLIP)

lab:
	@$(RUN) lab $(LAB)

lock-requirements:
	@$(RUN) lock-requirements $(if $(UPGRADE),--upgrade)

help site report lint clean check-lock:
	@$(RUN) $@
