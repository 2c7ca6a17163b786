#!/bin/sh
#SBATCH --job-name=ijbridge
#SBATCH --array=0-3
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --output=ijbridge-%A-%a.log
# Each job of the array takes its part of the images. Slurm copies this file, so that batch.py is looked for where sbatch was called.
set -eu
python "${RECIPES:-$PWD}/batch.py" "$1" "$2" "$3" --part "$SLURM_ARRAY_TASK_ID" --parts "$SLURM_ARRAY_TASK_COUNT"
