from pkgutil import extend_path

# The generated messages share this package: one half in the source tree, one where ROS installed it.
__path__ = extend_path(__path__, __name__)
