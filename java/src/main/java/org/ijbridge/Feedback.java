package org.ijbridge;

/** What a run tells the person who started it while it goes on, and what that person tells the run. */
interface Feedback {

	/** Tells nobody anything, and nobody stops it. */
	Feedback SILENT = new Feedback() {

		@Override
		public void progress(final String message, final long current, final long maximum) {}

		@Override
		public void warn(final String sentence) {}

		@Override
		public boolean stopAsked() {
			return false;
		}
	};

	/**
	 * Shows how far the run is.
	 *
	 * @param message what is being done, null to keep what was said before
	 * @param current steps done
	 * @param maximum steps in all, 0 where that is not known
	 */
	void progress(String message, long current, long maximum);

	/** Says something about the result that the person should know. */
	void warn(String sentence);

	/** Whether the person asked since the last call to stop; asking twice means at once. */
	boolean stopAsked();
}
