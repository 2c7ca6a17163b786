package org.ijbridge;

import java.io.File;

/**
 * The Python that a run starts: one that is there, else one that is made now, which needs somebody's yes. Who sits before
 * ImageJ is asked; a macro and a script say so themselves, because no dialog may stop them.
 */
final class FirstUse {

	private final PythonEnvironment environment;
	private final Wheels wheels = Wheels.find();

	/** @throws BridgeException where what is set for this session names no file */
	FirstUse() throws BridgeException {
		environment = PythonEnvironment.look();
	}

	/**
	 * Before a dialog: whether there is a Python, after asking the person for one to be made. Its worker starts then, while
	 * the dialog is open.
	 *
	 * @throws BridgeException where there is none and none can be made, with what to do
	 */
	static boolean isReady() throws BridgeException {
		if (InProcess.handler() != null) return true;
		final FirstUse first = new FirstUse();
		final File python = first.environment.python();
		if (python == null) return first.ask();
		new ApposeClient(python).startEarly();
		return true;
	}

	/**
	 * The Python that is there, else one that is made.
	 *
	 * @param agreed whether somebody has said yes to making one
	 * @throws BridgeException where there is none and none is made, with what to do
	 */
	File pythonOrNew(final boolean agreed, final Feedback feedback) throws BridgeException {
		if (!environment.notice().isEmpty()) feedback.warn(environment.notice());
		if (environment.python() != null) return environment.python();
		if (!canMake()) throw environment.none("");
		if (!agreed) throw environment.none(offer());
		return new EnvironmentMaker(wheels, EnvironmentFolder.forNew(), feedback).make();
	}

	/**
	 * Asks the person before ImageJ whether to make one.
	 *
	 * @return whether there is a Python now; not, where the person said no
	 * @throws BridgeException where none can be made, with what to do
	 */
	private boolean ask() throws BridgeException {
		if (!canMake()) throw environment.none("");
		final EnvironmentFolder folder = EnvironmentFolder.forNew();
		if (!EnvironmentDialog.isAgreed(environment.whyNone(), folder, wheels)) return false;
		final ImageJFeedback feedback = new ImageJFeedback();
		String end = "failed";
		try {
			new EnvironmentMaker(wheels, folder, feedback).make();
			end = "the Python environment is made";
			return true;
		}
		finally {
			feedback.end(end);
		}
	}

	/** Whether there is what it takes. A jar that the run will lack is an error here, before anything is fetched. */
	private boolean canMake() {
		if (wheels == null || wheels.uv() == null) return false;
		ApposeWorker.checkJars();
		return true;
	}

	private String offer() {
		return "write " + RunOptions.ENVIRONMENT + "=" + RunOptions.INSTALL + " among the macro's keys to have one made in " +
			EnvironmentFolder.forNew().path() + (wheels.areAll() ? ", " : " (about " + EnvironmentMaker.DOWNLOAD +
				" are downloaded), ");
	}
}
