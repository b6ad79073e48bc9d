# mlops: train, version, serve and watch XGBoost models inside PostgreSQL.
#
#   make, make install      build and install with the headers of pg_config
#   make help               every other target

EXTENSION  = mlops
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(EXTENSION).control)

# --- what is built ---------------------------------------------------------

# The module: everything but the trainer, which is a program of its own and
# the only thing that links libxgboost.
MODULE_big   = $(EXTENSION)
OBJS         = $(patsubst %.c,%.o,$(sort $(filter-out src/trainer/%,\
                 $(wildcard src/*.c src/*/*.c))))
PG_CPPFLAGS  = -Isrc -DMLOPS_VERSION='"$(EXTVERSION)"'
# no fused multiply-add: predictions are bit for bit those of libxgboost
PG_CFLAGS    = -ffp-contract=off
JANSSON_USER = $(shell grep -l '<jansson.h>' src/*/*.c src/*/*.h 2>/dev/null)
# its own symbols are its own: half of what the loader would look up
SHLIB_LINK   = $(if $(JANSSON_USER),-ljansson) -lm -Wl,-Bsymbolic

TRAINER        = src/trainer/mlops-trainer
TRAINER_OBJS   = $(patsubst %.c,%.o,$(sort $(wildcard src/trainer/*.c)))
TRAINER_CFLAGS = -std=gnu11 -O2 -g -Wall -Wmissing-prototypes -fopenmp \
                 -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
                 -Wdeclaration-after-statement -MMD -MP $(COPT)

# An explicit order: each part uses only what stands before it.
SQL_PARTS  = $(addprefix sql/parts/, header.sql types.sql catalog.sql \
               train.sql aggregate.sql serve.sql watch.sql monitor.sql \
               alert.sql schedule.sql retrain.sql govern.sql \
               views.sql plot.sql)
DATA_built = sql/$(EXTENSION)--$(EXTVERSION).sql
DATA       = $(filter-out $(DATA_built), $(wildcard sql/$(EXTENSION)--*.sql))

# --- what is tested --------------------------------------------------------

# Every test stands in a list, else test/lint fails.  REGRESS passes with and
# without shared_preload_libraries, REGRESS_PRELOAD only with, and
# REGRESS_NOPRELOAD only without.
REGRESS           = install types params errors train predict versions \
                    privileges feature_types reference scoring objectives \
                    aggregates prediction evaluation evaluation_tasks \
                    exchange splits advice plot bad_input planner stat_cache \
                    forest_path drift drift_more detectors performance batch \
                    monitors monitor_time alerts jobs stat_model alias_place \
                    retraining odd_input fresh_session generated_columns \
                    monitor_changes scan_call batch_forms monitor_cut
REGRESS_PRELOAD   = progress stat_shared
REGRESS_NOPRELOAD = nopreload
ISOLATION         = alias_between_snapshots batch_across_deploy \
                    batch_concurrent_update \
                    cancel_while_watching deploy_while_predicting \
                    drop_while_job_runs drop_while_predicting \
                    drop_while_watching plan_across_deploy \
                    prepared_across_deploy reindex_while_predicting \
                    repeatable_read_across_deploy \
                    revoke_while_predicting serializable_across_deploy \
                    two_monitor_runs two_scorings two_trainings \
                    two_retrainings unschedule_while_running
TAP               = 001_dump_restore 002_cancel 003_trainer_faults 004_leaks \
                    005_standby 006_crash 007_preload 008_pid1 009_exchange \
                    010_plot 011_deploys_under_load 012_shared_versions \
                    013_pg_cron 014_prometheus 015_stat_model 016_clients \
                    017_retraining
PGTAP             = analyst
UNIT              = forest forest_explain forest_hostile forest_paths math \
                    math_hash math_ranking math_summary trainer \
                    trainer_hostile math_association math_paired ticks \
                    math_distance math_detectors math_estimate math_pca cron
ORACLE            = explain_oracle forest_oracle math_oracle metric_oracle \
                    predict_oracle objective_oracle surface_oracle \
                    evaluation_oracle exchange_oracle drift_oracle \
                    watch_oracle multivariate_oracle
FUZZ              = forest

REGRESS_OPTS   = --inputdir=test
ISOLATION_OPTS = --inputdir=test --outputdir=.

EXTRA_CLEAN = $(OBJS:.o=.d) $(TRAINER) $(TRAINER_OBJS) $(TRAINER_OBJS:.o=.d) \
              build results output_iso tmp_check log \
              regression.diffs regression.out

# --- targets that need no server headers ------------------------------------

FREE_GOALS = demo demo-stop check unitcheck neoncheck lint fuzz \
             bench-training bench-explain bench-forest bench-drift \
             bench-serving bench-streams help dist print-%

ifneq ($(MAKECMDGOALS),)
ifeq ($(filter-out $(FREE_GOALS),$(MAKECMDGOALS)),)
FREE = yes
endif
endif

ifdef FREE

.PHONY: $(FREE_GOALS)

help:
	@echo 'make                 build the module, the trainer and the install script'
	@echo 'make install         install them where PG_CONFIG says'
	@echo 'make uninstall       remove them'
	@echo 'make demo            everything from nothing: packages, build, a private'
	@echo '                     server, a tour; KEEP=1 leaves the server running'
	@echo 'make demo-stop       stop the server of the demo'
	@echo 'make check           every test, in private servers'
	@echo 'make installcheck    the SQL tests, against a running server'
	@echo 'make oraclecheck     against python3-xgboost and others, likewise'
	@echo 'make unitcheck       plain C tests under the address sanitizer'
	@echo 'make neoncheck       the evaluators for aarch64, by an emulator'
	@echo 'make lint            layers, names, comments, lists'
	@echo 'make fuzz            fuzz the model readers, FUZZ_SECONDS each (60)'
	@echo 'make bench-training  training against libxgboost and Python clients'
	@echo 'make bench-explain   explanations against libxgboost, one thread'
	@echo 'make bench-forest    predictions by every path against libxgboost'
	@echo 'make bench-drift     drift against SQL by hand and a Python client'
	@echo 'make bench-serving   predictions in queries against libxgboost and Python'
	@echo 'make bench-streams   real streams through the loop, window by window'
	@echo 'make accept          take the results of installcheck as expected'
	@echo 'make dist            a tar file of the sources'
	@echo 'make clean           remove what was built'
	@echo
	@echo 'PG_CONFIG=/path/to/pg_config chooses the server.'

demo:
	@test/setup/demo.sh

demo-stop:
	@test/setup/demo.sh stop

check:
	@test/setup/check.sh

lint:
	@test/lint/lint.sh

unitcheck:
	@test/setup/unit.sh $(UNIT)

neoncheck:
	@test/setup/neon.sh

fuzz:
	@test/setup/fuzz.sh $(FUZZ)

bench-training:
	@test/bench/training.sh

bench-explain:
	@test/bench/explain.sh

bench-forest:
	@test/bench/forest.sh

bench-drift:
	@test/bench/drift.sh

bench-serving:
	@test/bench/serving.sh

bench-streams:
	@test/bench/streams.sh

dist:
	git archive --format=tar.gz --prefix=$(EXTENSION)-$(EXTVERSION)/ \
	  -o $(EXTENSION)-$(EXTVERSION).tar.gz HEAD

print-%:
	@echo $($*)

else

# --- the build, by PGXS -------------------------------------------------------

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq ($(wildcard $(PGXS)),)
$(error No server headers: $(PG_CONFIG) names no PGXS. \
  On Debian: apt-get install postgresql-server-dev-all, or `make demo`)
endif

# Bitcode for the JIT would only serve functions that are never inlined, and
# takes longer to make than all else; with_llvm=yes makes it.
ifneq ($(origin with_llvm),command line)
override with_llvm = no
endif

# PGXS has a target `check` that only complains
ifneq ($(filter check,$(MAKECMDGOALS)),)
$(error `make check` cannot be combined with targets of the build)
endif

include $(PGXS)

# PGXS does not track headers here
override CFLAGS += -MMD -MP
-include $(OBJS:.o=.d) $(TRAINER_OBJS:.o=.d)

.PHONY: headers install-trainer uninstall-trainer accept oraclecheck

all: $(TRAINER)

$(DATA_built): $(SQL_PARTS) $(EXTENSION).control
	cat $(SQL_PARTS) > $@

$(TRAINER): $(TRAINER_OBJS)
	$(CC) $(TRAINER_CFLAGS) -o $@ $(TRAINER_OBJS) -lxgboost

$(TRAINER_OBJS): %.o: %.c
	$(CC) $(TRAINER_CFLAGS) -Isrc -DMLOPS_VERSION='"$(EXTVERSION)"' -c -o $@ $<

# A plain word when a library's headers are missing
$(OBJS) $(TRAINER_OBJS): | headers

has_header = printf '\#include <$(1)>\n' | \
  $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 || \
  { echo 'error: <$(1)> not found; on Debian: apt-get install $(2)' >&2; exit 1; }

headers:
	@$(call has_header,stdio.h,libc6-dev)
	@$(call has_header,xgboost/c_api.h,libxgboost-dev)
	@$(if $(JANSSON_USER),$(call has_header,jansson.h,libjansson-dev))

install: install-trainer
uninstall: uninstall-trainer

install-trainer: $(TRAINER)
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_PROGRAM) $(TRAINER) '$(DESTDIR)$(pkglibdir)/mlops-trainer'

uninstall-trainer:
	rm -f '$(DESTDIR)$(pkglibdir)/mlops-trainer'

# After the differences have been read
accept:
	for f in results/*.out; do cp "$$f" expected/; done

oraclecheck:
	@test/setup/oracle.sh $(ORACLE)

endif
