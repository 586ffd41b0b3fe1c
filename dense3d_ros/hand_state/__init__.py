"""From the joints of hands over time to what a robot asks for. NumPy alone; knows neither ROS nor networks."""
